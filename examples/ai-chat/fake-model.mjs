// Stands in for a language model on this machine: node fake-model.mjs [PORT]
// Answers POST /v1/chat/completions with server-sent events, a word at a time.
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const port = Number(process.argv[2] ?? 9400);

createServer(async (req, res) => {
  if (req.method !== "POST" || req.url !== "/v1/chat/completions") {
    res.writeHead(404).end();
    return;
  }
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const { messages } = JSON.parse(Buffer.concat(chunks).toString());
  const words = `You said: ${messages.at(-1).content}`.split(" ");
  res.writeHead(200, { "content-type": "text/event-stream" });
  for (const [index, word] of words.entries()) {
    if (res.closed) return;
    res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: (index ? " " : "") + word } }] })}\n\n`);
    await pause(100);
  }
  res.end("data: [DONE]\n\n");
}).listen(port, "127.0.0.1", function () {
  console.log(`Fake model at http://127.0.0.1:${this.address().port}`);
});
