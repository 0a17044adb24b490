// As much of HPACK (RFC 7541) as this link needs: requests are literals without a table and without Huffman, and of the
// responses only grpc-status and grpc-message are of interest, for a person who reads why the host hung up.

import { Buffer } from 'node:buffer';

/** A header block of literals "without indexing, new name": short texts only, every length fits one byte. */
export function encodeHeaders(pairs) {
  return Buffer.concat(pairs.map(([name, value]) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])));
}

/**
 * The literal headers of a block whose name and value are written out plainly. What is indexed or Huffman-coded is left
 * out: with a table size of 0 that is only the static table's, which holds nothing about gRPC.
 */
export function decodePlainHeaders(block) {
  const headers = new Map();
  let position = 0;
  const integer = (prefixBits) => {
    const mask = (1 << prefixBits) - 1;
    let value = block[position++] & mask;
    if (value < mask) return value;
    for (let shift = 0; position < block.length && shift < 28; shift += 7) {
      const byte = block[position++];
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  const text = () => {
    const huffman = (block[position] & 0x80) !== 0;
    const length = integer(7);
    const start = position;
    position += length;
    return huffman ? null : block.latin1Slice(start, Math.min(position, block.length));
  };
  while (position < block.length) {
    const first = block[position];
    if ((first & 0x80) !== 0) {
      integer(7);
    } else if ((first & 0xe0) === 0x20) {
      integer(5);
    } else {
      const name = integer((first & 0x40) !== 0 ? 6 : 4) === 0 ? text() : null;
      const value = text();
      if (name !== null && value !== null) headers.set(name, value);
    }
  }
  return headers;
}
