export default () => new Response("x", { headers: { "x-name": "\u2192" } });
