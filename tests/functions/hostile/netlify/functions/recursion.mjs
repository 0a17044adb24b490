// Asks for itself over a bare socket, which carries no header that would tell.
import { createConnection } from "node:net";
import { unlessCalm } from "../../calm.mjs";

export default unlessCalm((req) => new Promise((resolve) => {
  const { hostname, pathname } = new URL(req.url);
  const { port } = new URL(process.env.URL);
  const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`));
  let text = "";
  socket.setEncoding("latin1").on("data", (data) => (text += data)).on("close", () => resolve(new Response(text))).on("error", () => {});
}));
