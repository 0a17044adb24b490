// A load generator that does not wait for the server: requests leave at a steady pace, however long answers take, so that a
// stall is seen by all who came meanwhile and not by one.

import net from 'node:net';

const TickMs = 1;
const DrainMs = 10_000;

/**
 * Milliseconds that each request took, from the tick at which it was due: waiting for a free connection counts, what this
 * process itself came late does not. Each answer must be `expected`.
 */
export async function openLoop(url, perSecond, connections, seconds, expected) {
  const { hostname, port, pathname } = new URL(url);
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
  const latencies = [];
  const waiting = [];
  const free = [];
  let errors = 0;
  let open = 0;

  const send = (client, due) => {
    client.due = due;
    client.socket.write(request);
  };
  const onAnswer = (client) => {
    latencies.push(performance.now() - client.due);
    open--;
    const due = waiting.shift();
    if (due === undefined) free.push(client);
    else send(client, due);
  };
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(hostname, Number(port), expected, onAnswer, () => { errors++; open--; })));
  free.push(...clients);

  const start = performance.now();
  let sent = 0;
  await new Promise((resolve) => {
    const ticking = setInterval(() => {
      const now = performance.now();
      const elapsed = Math.min(now - start, seconds * 1000);
      for (const due = Math.floor(elapsed / 1000 * perSecond); sent < due; sent++) {
        open++;
        const client = free.pop();
        if (client === undefined) waiting.push(now);
        else send(client, now);
      }
      if ((elapsed >= seconds * 1000 && open === 0) || now - start > seconds * 1000 + DrainMs) {
        clearInterval(ticking);
        resolve();
      }
    }, TickMs);
  });
  for (const { socket } of clients) socket.destroy();
  return { sent, errors: errors + open, latencies };
}

async function connect(host, port, expected, onAnswer, onError) {
  const socket = net.connect({ host, port, noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const client = { socket, due: 0 };
  let answer = '';
  // An answer with a length ends with its body, one in chunks with the last of them.
  const [whole, chunked] = [`\r\n\r\n${expected}`, `${expected}\r\n0\r\n\r\n`];
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    answer += text;
    if (!answer.endsWith(whole) && !answer.endsWith(chunked)) return;
    const isGood = answer.startsWith('HTTP/1.1 200 ');
    answer = '';
    if (isGood) onAnswer(client);
    else onError();
  });
  socket.on('error', onError);
  return client;
}
