// Reads the PNG files that the server writes, exactly: a canvas would give colours in place of class
// numbers. 8 bits; grey, colours or palette; filters "none" and "sub", which are all it writes.

const CHANNELS = { 0: 1, 2: 3, 3: 1 }; // by PNG's colour type

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** Returns {width, height, channels, data}. */
export async function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [];
  for (let at = 8; at < bytes.length; at += view.getUint32(at) + 12) {
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const [width, height, channels] = [view.getUint32(16), view.getUint32(20), CHANNELS[bytes[25]]];
  const unpacked = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const rows = new Uint8Array(await new Response(unpacked).arrayBuffer());
  return { width, height, channels, data: unfilter(rows, height, width * channels, channels) };
}

function unfilter(rows, height, length, channels) {
  const data = new Uint8Array(height * length);
  for (let y = 0; y < height; y++) {
    const start = y * (length + 1);
    const row = data.subarray(y * length, (y + 1) * length);
    row.set(rows.subarray(start + 1, start + 1 + length));
    if (rows[start] === 1) for (let x = channels; x < length; x++) row[x] += row[x - channels];
    else if (rows[start] !== 0) throw new Error(`PNG filter ${rows[start]} is not expected.`);
  }
  return data;
}

/** Colours of a decoded picture as a canvas takes them. */
export function toImageData({ width, height, data }) {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    image.data[to] = data[from];
    image.data[to + 1] = data[from + 1];
    image.data[to + 2] = data[from + 2];
    image.data[to + 3] = 255;
  }
  return image;
}
