// What the server is asked. An answer that is none becomes an Error whose message is for the user.

export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function model() {
  const answer = await fetch("api/model").catch(() => null);
  if (!answer?.ok) throw new Refused(answer?.status ?? 0, "The server does not answer. Reload the page.");
  return answer.json();
}

/** Upload a file. `told` gets a number from 0 to 1 while it goes out, and "sent" after that. */
export function segment(file, outputs, told, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
    request.open("POST", `api/segment?outputs=${outputs.join(",")}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => told(event.loaded / event.total);
    request.upload.onload = () => told("sent");
    request.onload = () => {
      if (request.status === 200 && request.response) return resolve(request.response);
      const message = request.response?.error ?? `The server answered with code ${request.status}.`;
      reject(new Refused(request.status, message, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.onerror = () =>
      reject(new Refused(0, "The server cannot be reached, or it ended the connection."));
    request.onabort = () => reject(new DOMException("Removed.", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

const TRIES = 20;

/** The same, and where the server is busy (503) again after the time that it tells. */
export async function segmentPatiently(file, outputs, told, signal) {
  for (let count = 1; ; count++) {
    try {
      return await segment(file, outputs, told, signal);
    } catch (error) {
      if (error.status !== 503 || count === TRIES || signal.aborted) throw error;
      const seconds = error.retryAfter || 1;
      told(`busy, trying again in ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
    if (signal.aborted) throw new DOMException("Removed.", "AbortError");
  }
}
