// Sends to itself over as many connections as it may have, and reads none of it.
import { connect, createServer } from "node:net";
import { unlessCalm } from "../../calm.mjs";

const Connections = 400;
const chunk = Buffer.alloc(4 << 20);
const kept = [];

export default unlessCalm(async () => {
  const server = createServer({ pauseOnConnect: true }, (socket) => kept.push(socket));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  let connected = 0;
  for (; connected < Connections; connected++) {
    const socket = connect(server.address().port, "127.0.0.1");
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.write(chunk);
    socket.write(chunk);
    kept.push(socket);
  }
  return Response.json({ connected });
});
