// node:http as it is, without Request and Response: what the baseline would be if a function's interface cost nothing.

import { createServer } from 'node:http';

const ChunkBytes = 64 * 1024;
const routes = { hello, stream, upload, first };

createServer((incoming, outgoing) => {
  const [path, query] = incoming.url.split('?', 2);
  routes[path.slice(path.lastIndexOf('/') + 1)](incoming, outgoing, query);
}).listen(Number(process.argv[2]), '127.0.0.1');

function hello(incoming, outgoing) {
  outgoing.writeHead(200, { 'content-type': 'text/plain;charset=UTF-8' });
  outgoing.end('Hello, world!');
}

function stream(incoming, outgoing, query) {
  let left = Number(query.slice(query.indexOf('mb=') + 3)) * 16;
  const chunk = new Uint8Array(ChunkBytes).fill(120);
  const write = () => {
    while (left-- > 0) {
      if (!outgoing.write(chunk)) {
        outgoing.once('drain', write);
        return;
      }
    }
    outgoing.end();
  };
  write();
}

function upload(incoming, outgoing) {
  let bytes = 0;
  incoming.on('data', (chunk) => { bytes += chunk.length; });
  incoming.on('end', () => outgoing.end(String(bytes)));
}

function first(incoming, outgoing) {
  outgoing.write('first');
  setTimeout(() => outgoing.end('last'), 25);
}
