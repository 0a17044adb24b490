// nginx in front of the baseline, over loopback connections that are kept, as one would deploy it.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const port = Number(process.argv[2]);
const behind = await freePort();
const directory = mkdtempSync(join(tmpdir(), 'benchmark-nginx-'));
const file = join(directory, 'nginx.conf');
writeFileSync(file, `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream node { server 127.0.0.1:${behind}; keepalive 128; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://node;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`);
const nginx = spawn('setpriv', ['--pdeathsig', 'TERM', 'nginx', '-c', file], { stdio: 'inherit' });
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
nginx.on('exit', (code) => process.exit(code ?? 0));
process.on('SIGTERM', () => nginx.kill('SIGTERM'));

// The baseline in this process.
process.argv[2] = String(behind);
await import('./plain.mjs');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: free } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return free;
}
