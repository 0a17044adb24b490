// Headers that no HTTP reply can carry.
const headers = {
  latin1: () => ({ "x-name": "\u2192" }),
  control: () => ({ "x-name": "a\x01b" }),
  many: () => Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`x-${index}`, "v"])),
};
let calls = 0;

export default (req, { url }) => {
  calls++;
  const kind = url.searchParams.get("kind");
  return kind === null ? Response.json({ calls }) : new Response("x", { headers: headers[kind]() });
};
