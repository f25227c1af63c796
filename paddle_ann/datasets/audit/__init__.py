"""A whole data set looked through, file by file: what would break or spoil a training, and cures.

The order of reading: `plan` (which files, which classes), `sample` (one image and its mask),
`scan` (all of them, in processes), `mapping`, `duplicates`, `balance` (what follows from all),
`findings` and `report` (what is wrong), `text`, `page` and `mend` (what the user gets). Nothing
here imports Paddle but `configured`, which reads a YAML.
"""
