// Finds its own control socket and speaks to it by hand: HTTP/2, gRPC and protobuf as bytes.
import { readdirSync, readlinkSync, writeSync } from "node:fs";

const number = (value) => {
  const bytes = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
};
const field = (id, bytes) => [...number(id * 8 + 2), ...number(bytes.length), ...bytes];
const varint = (id, value) => [...number(id * 8), ...number(value)];

// WorkerFrames { frames { … } } behind gRPC's prefix, in a DATA frame of a stream.
const message = (frame) => {
  const bytes = field(1, frame);
  return [0, bytes.length >>> 24, (bytes.length >>> 16) & 255, (bytes.length >>> 8) & 255, bytes.length & 255, ...bytes];
};
const data = (stream, bytes) => [bytes.length >>> 16, (bytes.length >>> 8) & 255, bytes.length & 255, 0, 0, 0, 0, 0, stream, ...bytes];
const response = (id) => field(5, [...varint(1, id), ...varint(2, 200), ...varint(4, 1), ...field(5, [...Buffer.from("forged")]), ...varint(6, 1)]);

const lies = {
  // An answer for whoever comes next, and for numbers that nobody has.
  "next-id": data(1, message(response(1_000_000))),
  "huge-id": data(1, message(response(4_294_967_295))),
  "id-0": data(1, message(response(0))),
  "negative-length": data(1, message([0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])),
  "2-gb-prefix": data(1, [0, 0x80, 0, 0, 0]),
  "too-large": data(1, [0, 0, 5, 0, 0]),
  garbage: [...Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  "huge-frame": [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
};

export default async (req) => {
  const kind = new URL(req.url).searchParams.get("kind");
  const sockets = readdirSync("/proc/self/fd").map(Number).filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
    } catch {
      return false;
    }
  });
  if (kind === "look") return Response.json(sockets.length);
  for (const socket of sockets) writeSync(socket, Buffer.from(lies[kind]));
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return new Response("it went on");
};

export const config = { path: "/forge" };
