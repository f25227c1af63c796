"""What a training tells about itself: VisualDL's log, `metrics.jsonl`, `run.json`.

Each kind of thing that is told is a callback in a file of its own; `callbacks.callbacks` plugs them
together. None of them changes what is trained: they draw no random numbers, leave every layer in
its mode, and only process 0 writes.
"""
