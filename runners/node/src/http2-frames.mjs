// HTTP/2 frames (RFC 9113 §4 and §6) out of a byte stream that is cut anywhere.

import { Buffer } from 'node:buffer';

export const FrameType = {
  DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8,
  CONTINUATION: 9,
};

export const Flag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 };

export const ErrorCode = {
  NO_ERROR: 0, PROTOCOL_ERROR: 1, INTERNAL_ERROR: 2, FLOW_CONTROL_ERROR: 3, STREAM_CLOSED: 5, FRAME_SIZE_ERROR: 6,
  CANCEL: 8, COMPRESSION_ERROR: 9,
};

export const FrameHeaderBytes = 9;

/** The peer broke HTTP/2. The connection cannot go on after it. */
export class Http2Error extends Error {
  name = 'Http2Error';

  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Puts a frame header at `buffer[at, at + 9)`. */
export function writeFrameHeader(buffer, at, length, type, flags, streamId) {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >>> 16;
  buffer[at + 7] = streamId >>> 8;
  buffer[at + 8] = streamId;
}

const payloadLength = (buffer, at) => (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];

/**
 * Calls `onFrame(type, flags, streamId, buffer, start, end)` once a frame. A payload that came in one piece is passed
 * where it lies; one that was cut is put together in a buffer of its own.
 */
export class FrameReader {
  #maxPayload;
  #onFrame;
  // The beginning of a frame whose rest has not come: first its header, then header and payload.
  #held = Buffer.alloc(FrameHeaderBytes);
  #heldBytes = 0;

  constructor(maxPayload, onFrame) {
    this.#maxPayload = maxPayload;
    this.#onFrame = onFrame;
  }

  push(buffer, start, end) {
    let position = start;
    while (position < end) {
      if (this.#heldBytes > 0) {
        position = this.#continueHeld(buffer, position, end);
        continue;
      }
      if (end - position >= FrameHeaderBytes) {
        const length = this.#checkedLength(buffer, position);
        if (end - position - FrameHeaderBytes >= length) {
          this.#emit(buffer, position, length);
          position += FrameHeaderBytes + length;
          continue;
        }
      }
      position = this.#continueHeld(buffer, position, end);
    }
  }

  #continueHeld(buffer, position, end) {
    if (this.#heldBytes < FrameHeaderBytes) {
      const taken = Math.min(FrameHeaderBytes - this.#heldBytes, end - position);
      buffer.copy(this.#held, this.#heldBytes, position, position + taken);
      this.#heldBytes += taken;
      if (this.#heldBytes < FrameHeaderBytes) return end;
      position += taken;
      const whole = Buffer.allocUnsafeSlow(FrameHeaderBytes + this.#checkedLength(this.#held, 0));
      this.#held.copy(whole, 0, 0, FrameHeaderBytes);
      this.#held = whole;
    }
    const taken = Math.min(this.#held.length - this.#heldBytes, end - position);
    buffer.copy(this.#held, this.#heldBytes, position, position + taken);
    this.#heldBytes += taken;
    if (this.#heldBytes === this.#held.length) {
      const whole = this.#held;
      this.#held = Buffer.alloc(FrameHeaderBytes);
      this.#heldBytes = 0;
      this.#emit(whole, 0, whole.length - FrameHeaderBytes);
    }
    return position + taken;
  }

  #checkedLength(buffer, at) {
    const length = payloadLength(buffer, at);
    if (length > this.#maxPayload) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `A frame of ${length} bytes came.`);
    return length;
  }

  #emit(buffer, at, length) {
    const start = at + FrameHeaderBytes;
    const streamId = ((buffer[at + 5] & 0x7f) << 24) | (buffer[at + 6] << 16) | (buffer[at + 7] << 8) | buffer[at + 8];
    this.#onFrame(buffer[at + 3], buffer[at + 4], streamId, buffer, start, start + length);
  }
}
