import { unlessCalm } from "../../calm.mjs";

export default unlessCalm(async (req) => new Response(`${(await req.arrayBuffer()).byteLength}`));
