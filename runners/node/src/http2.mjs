// An HTTP/2 client for one connection to a host that is trusted to be the host, and to nothing else (RFC 9113).
//
// node:http2 is not used: loading it costs a worker about 17 ms of start-up, and it pays per message what this pays per
// turn of the event loop. What is here is complete for a gRPC client with calls of both directions: flow control both
// ways, settings, ping, goaway, reset, padding, continuation. What is missing is what such a client never needs: server
// push, priorities, a dynamic header table.

import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { ErrorCode, Flag, FrameHeaderBytes, FrameReader, FrameType, Http2Error, writeFrameHeader } from './http2-frames.mjs';
import { Http2Stream, StreamWindowBytes } from './http2-stream.mjs';
import { PrivateMap } from './primordials.mjs';
import { SocketOutput } from './socket-output.mjs';

const Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const Setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5 };
const MaxWindow = 0x7fff_ffff;
const DefaultWindowBytes = 65_535;

// Data is credited to the connection as it arrives and to its stream as it is consumed. A body that nobody reads stops
// its own stream and never the connection, whatever the number of streams.
const ConnectionWindowBytes = 16 * 1024 * 1024;
const ConnectionCreditBytes = ConnectionWindowBytes / 4;
const MaxReceivedPayloadBytes = 64 * 1024;
const MaxHeaderBlockBytes = 64 * 1024;

const ReadSlabBytes = 64 * 1024;
const MinReadBytes = 16 * 1024;

export class Http2Connection {
  #streams = new PrivateMap();
  #nextStreamId = 1;
  #unopened = [];
  #blocked = new Set();
  #sendWindow = DefaultWindowBytes;
  #uncredited = 0;
  #peerWindow = DefaultWindowBytes;
  #peerMaxPayload = 16_384;
  // One, the session's, until the host's settings have come.
  #peerMaxStreams = 1;
  #settled = false;
  #goingAway = false;
  #headerBlock = null;
  #output;
  #readSlab = Buffer.allocUnsafeSlow(ReadSlabBytes);
  #readPosition = 0;
  #reader = new FrameReader(MaxReceivedPayloadBytes, (type, flags, streamId, buffer, start, end) =>
    this.#onFrame(type, flags, streamId, buffer, start, end));
  #onClosed;

  /** `onClosed(error)` is called once: null when the host closed the connection in order. */
  constructor(socketPath, onClosed) {
    this.#onClosed = onClosed;
    const socket = connect({
      path: socketPath,
      onread: { buffer: () => this.#nextReadBuffer(), callback: (bytes) => this.#onRead(bytes) },
    });
    socket.on('error', (error) => this.#close(error));
    socket.on('close', () => this.#close(null));
    this.#output = new SocketOutput(socket, () => this.#wakeWritable());
    this.#sendPreface();
  }

  /** Called before output goes out: the last chance to add what was being collected. */
  set onFlush(callback) {
    this.#output.onFlush = callback;
  }

  get congested() {
    return this.#output.congested;
  }

  /** Opens a stream with a complete header block. Its id is 0 until the host has room for one more. */
  open(headerBlock, listener) {
    const stream = new Http2Stream(this, headerBlock, listener);
    if (this.#streams.size < this.#peerMaxStreams && !this.#goingAway) this.#openNow(stream);
    else this.#unopened.push(stream);
    return stream;
  }

  sendData(stream, buffer, end) {
    if (stream.closed || stream.sentEnd) return;
    const length = buffer.length - FrameHeaderBytes;
    if (stream.id !== 0 && stream.pendingBytes === 0 && length <= this.#peerMaxPayload
        && length <= stream.sendWindow && length <= this.#sendWindow) {
      stream.sendWindow -= length;
      this.#sendWindow -= length;
      writeFrameHeader(buffer, 0, length, FrameType.DATA, end ? Flag.END_STREAM : 0, stream.id);
      this.#output.queue(buffer);
      if (end) this.#sentEnd(stream);
      return;
    }
    stream.pending.push(buffer.subarray(FrameHeaderBytes));
    stream.pendingBytes += length;
    stream.pendingEnd ||= end;
    if (stream.id !== 0) this.#sendPending(stream);
  }

  sendWindowUpdate(streamId, bytes) {
    const frame = Buffer.allocUnsafe(FrameHeaderBytes + 4);
    writeFrameHeader(frame, 0, 4, FrameType.WINDOW_UPDATE, 0, streamId);
    frame.writeUInt32BE(bytes, FrameHeaderBytes);
    this.#output.queue(frame);
  }

  resetStream(stream, code) {
    if (stream.closed) return;
    if (stream.id !== 0) {
      const frame = Buffer.allocUnsafe(FrameHeaderBytes + 4);
      writeFrameHeader(frame, 0, 4, FrameType.RST_STREAM, 0, stream.id);
      frame.writeUInt32BE(code, FrameHeaderBytes);
      this.#output.queue(frame);
    }
    this.#closeStream(stream, code);
  }

  /** Hands everything to the kernel that it will take now. */
  flush() {
    this.#output.flush();
  }

  /** Flushes, and calls back when the kernel has taken everything: at once if it can. */
  whenFlushed(callback) {
    this.#output.whenFlushed(callback);
  }

  scheduleFlush() {
    this.#output.schedule();
  }

  /** Sends what is left, closes the sending half and calls back when the kernel has it all. */
  end(callback) {
    this.#output.end(callback);
  }

  // Reading

  #nextReadBuffer() {
    // Slabs are never read into twice, so that messages can be kept as views of the bytes they came in.
    if (this.#readSlab.length - this.#readPosition < MinReadBytes) {
      this.#readSlab = Buffer.allocUnsafeSlow(ReadSlabBytes);
      this.#readPosition = 0;
    }
    return this.#readSlab.subarray(this.#readPosition);
  }

  #onRead(bytes) {
    const start = this.#readPosition;
    this.#readPosition += bytes;
    try {
      this.#reader.push(this.#readSlab, start, this.#readPosition);
    } catch (error) {
      this.#close(error);
      return false;
    }
    return true;
  }

  #onFrame(type, flags, streamId, buffer, start, end) {
    if (this.#headerBlock !== null && type !== FrameType.CONTINUATION) {
      throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A header block was interrupted.');
    }
    switch (type) {
      case FrameType.DATA: this.#onData(flags, streamId, buffer, start, end); break;
      case FrameType.HEADERS: this.#onHeaders(flags, streamId, buffer, start, end); break;
      case FrameType.CONTINUATION: this.#onContinuation(flags, streamId, buffer, start, end); break;
      case FrameType.RST_STREAM: this.#onReset(streamId, buffer, start, end); break;
      case FrameType.SETTINGS: this.#onSettings(flags, buffer, start, end); break;
      case FrameType.PING: this.#onPing(flags, buffer, start, end); break;
      case FrameType.GOAWAY: this.#onGoAway(buffer, start, end); break;
      case FrameType.WINDOW_UPDATE: this.#onWindowUpdate(streamId, buffer, start, end); break;
      case FrameType.PUSH_PROMISE: throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A push was promised though it is disabled.');
      default: // PRIORITY, and what we do not know, is to be ignored (§5.5).
    }
  }

  #onData(flags, streamId, buffer, start, end) {
    const length = end - start;
    this.#uncredited += length;
    if (this.#uncredited >= ConnectionCreditBytes) {
      this.sendWindowUpdate(0, this.#uncredited);
      this.#uncredited = 0;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return; // Reset here while the frame was on its way.
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'More data came than the window allows.');
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      from = start + 1;
      to = end - buffer[start];
      if (to < from) throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A frame has more padding than payload.');
      stream.credit(length - (to - from));
    }
    if (to > from) stream.listener.onData(buffer, from, to);
    if ((flags & Flag.END_STREAM) !== 0) this.#receivedEnd(stream);
  }

  #onHeaders(flags, streamId, buffer, start, end) {
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      from += 1;
      to -= buffer[start];
    }
    if ((flags & Flag.PRIORITY) !== 0) from += 5;
    if (to < from) throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A frame has more padding than payload.');
    this.#headerBlock = { streamId, ended: (flags & Flag.END_STREAM) !== 0, parts: [buffer.subarray(from, to)], bytes: to - from };
    if ((flags & Flag.END_HEADERS) !== 0) this.#headersComplete();
  }

  #onContinuation(flags, streamId, buffer, start, end) {
    const block = this.#headerBlock;
    if (block === null || block.streamId !== streamId) throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A continuation continues nothing.');
    block.bytes += end - start;
    if (block.bytes > MaxHeaderBlockBytes) throw new Http2Error(ErrorCode.PROTOCOL_ERROR, 'A header block is too large.');
    block.parts.push(buffer.subarray(start, end));
    if ((flags & Flag.END_HEADERS) !== 0) this.#headersComplete();
  }

  #headersComplete() {
    const { streamId, ended, parts } = this.#headerBlock;
    this.#headerBlock = null;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.listener.onHeaders(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    if (ended) this.#receivedEnd(stream);
  }

  #receivedEnd(stream) {
    // A server that answers before it has read everything is done with the stream (§8.1): what is unsent stays unsent.
    if (!stream.sentEnd) this.resetStream(stream, ErrorCode.NO_ERROR);
    else this.#closeStream(stream, ErrorCode.NO_ERROR);
  }

  #onReset(streamId, buffer, start, end) {
    if (end - start !== 4) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'A RST_STREAM frame has the wrong size.');
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#closeStream(stream, buffer.readUInt32BE(start));
  }

  #onSettings(flags, buffer, start, end) {
    if ((flags & Flag.ACK) !== 0) return;
    if ((end - start) % 6 !== 0) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'A SETTINGS frame has the wrong size.');
    if (!this.#settled) this.#peerMaxStreams = Infinity;
    this.#settled = true;
    for (let position = start; position < end; position += 6) {
      const value = buffer.readUInt32BE(position + 2);
      switch (buffer.readUInt16BE(position)) {
        case Setting.INITIAL_WINDOW_SIZE: this.#setPeerWindow(value); break;
        case Setting.MAX_FRAME_SIZE: this.#peerMaxPayload = value; break;
        case Setting.MAX_CONCURRENT_STREAMS: this.#peerMaxStreams = value; break;
        default: // The header table's size bounds an encoder that uses none.
      }
    }
    const acknowledgement = Buffer.allocUnsafe(FrameHeaderBytes);
    writeFrameHeader(acknowledgement, 0, 0, FrameType.SETTINGS, Flag.ACK, 0);
    this.#output.queue(acknowledgement);
    this.#openWaiting();
    this.#sendBlocked();
  }

  #setPeerWindow(value) {
    if (value > MaxWindow) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'The initial window is too large.');
    const change = value - this.#peerWindow;
    this.#peerWindow = value;
    for (const stream of this.#streams.values()) stream.sendWindow += change;
  }

  #onPing(flags, buffer, start, end) {
    if (end - start !== 8) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'A PING frame has the wrong size.');
    if ((flags & Flag.ACK) !== 0) return;
    const frame = Buffer.allocUnsafe(FrameHeaderBytes + 8);
    writeFrameHeader(frame, 0, 8, FrameType.PING, Flag.ACK, 0);
    buffer.copy(frame, FrameHeaderBytes, start, end);
    this.#output.queue(frame);
  }

  #onGoAway(buffer, start, end) {
    if (end - start < 8) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'A GOAWAY frame has the wrong size.');
    this.#goingAway = true;
    const code = buffer.readUInt32BE(start + 4);
    if (code !== ErrorCode.NO_ERROR) {
      throw new Http2Error(code, `The host ended the connection with code ${code}: ${buffer.latin1Slice(start + 8, end)}`);
    }
  }

  #onWindowUpdate(streamId, buffer, start, end) {
    if (end - start !== 4) throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, 'A WINDOW_UPDATE frame has the wrong size.');
    const bytes = buffer.readUInt32BE(start) & 0x7fff_ffff;
    if (streamId === 0) {
      this.#sendWindow += bytes;
      if (this.#sendWindow > MaxWindow) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'The connection window overflowed.');
      this.#sendBlocked();
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.sendWindow += bytes;
    if (stream.sendWindow > MaxWindow) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'A stream window overflowed.');
    if (stream.pendingBytes > 0) this.#sendPending(stream);
  }

  // Writing

  #sendPreface() {
    const settings = [[Setting.HEADER_TABLE_SIZE, 0], [Setting.ENABLE_PUSH, 0], [Setting.INITIAL_WINDOW_SIZE, StreamWindowBytes],
      [Setting.MAX_FRAME_SIZE, MaxReceivedPayloadBytes]];
    const frame = Buffer.allocUnsafe(FrameHeaderBytes + settings.length * 6);
    writeFrameHeader(frame, 0, settings.length * 6, FrameType.SETTINGS, 0, 0);
    settings.forEach(([id, value], index) => {
      frame.writeUInt16BE(id, FrameHeaderBytes + index * 6);
      frame.writeUInt32BE(value, FrameHeaderBytes + index * 6 + 2);
    });
    this.#output.queue(Buffer.from(Preface, 'latin1'));
    this.#output.queue(frame);
    this.sendWindowUpdate(0, ConnectionWindowBytes - DefaultWindowBytes);
  }

  #openNow(stream) {
    stream.id = this.#nextStreamId;
    this.#nextStreamId += 2;
    stream.sendWindow = this.#peerWindow;
    this.#streams.set(stream.id, stream);
    const block = stream.headerBlock;
    const header = Buffer.allocUnsafe(FrameHeaderBytes);
    writeFrameHeader(header, 0, block.length, FrameType.HEADERS, Flag.END_HEADERS, stream.id);
    this.#output.queue(header);
    this.#output.queue(block);
    if (stream.pending.length > 0) this.#sendPending(stream);
  }

  #openWaiting() {
    while (this.#unopened.length > 0 && this.#streams.size < this.#peerMaxStreams && !this.#goingAway) {
      const stream = this.#unopened.shift();
      if (!stream.closed) this.#openNow(stream);
    }
  }

  #sendBlocked() {
    if (this.#blocked.size === 0) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const stream of blocked) if (!stream.closed) this.#sendPending(stream);
  }

  /** Cuts what waits into frames as large as the host and the windows allow. */
  #sendPending(stream) {
    while (stream.pending.length > 0) {
      const first = stream.pending[0];
      const length = Math.min(first.length, this.#peerMaxPayload, stream.sendWindow, this.#sendWindow);
      if (length <= 0 && first.length > 0) {
        this.#blocked.add(stream);
        return;
      }
      if (length === first.length) stream.pending.shift();
      else stream.pending[0] = first.subarray(length);
      stream.pendingBytes -= length;
      stream.sendWindow -= length;
      this.#sendWindow -= length;
      const end = stream.pendingEnd && stream.pending.length === 0;
      const header = Buffer.allocUnsafe(FrameHeaderBytes);
      writeFrameHeader(header, 0, length, FrameType.DATA, end ? Flag.END_STREAM : 0, stream.id);
      this.#output.queue(header);
      this.#output.queue(length === first.length ? first : first.subarray(0, length));
      if (end) this.#sentEnd(stream);
    }
    if (!this.congested) stream.wake();
  }

  #sentEnd(stream) {
    stream.sentEnd = true;
  }

  #wakeWritable() {
    for (const stream of this.#streams.values()) if (stream.pendingBytes === 0) stream.wake();
  }

  #closeStream(stream, code) {
    if (stream.closed) return;
    stream.closed = true;
    stream.pending = [];
    stream.pendingBytes = 0;
    this.#streams.delete(stream.id);
    this.#blocked.delete(stream);
    stream.listener.onClose(code);
    stream.wake();
    this.#openWaiting();
  }

  #close(error) {
    const onClosed = this.#onClosed;
    this.#onClosed = () => {};
    onClosed(error);
  }
}
