// Connects to ?host and ?port by itself, without a proxy, and says what came of it.
import { lookup } from "node:dns/promises";
import { connect } from "node:net";

export default async (req) => {
  const { host, port } = Object.fromEntries(new URL(req.url).searchParams);
  const connected = new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.on("data", () => { socket.destroy(); resolve("an answer"); }).on("end", () => resolve("the end")).on("error", (error) => resolve(error.code));
  });
  const found = lookup(host).then(({ address }) => address, (error) => error.code);
  return Response.json({ found: await found, connected: await connected });
};

export const config = { path: "/knock" };
