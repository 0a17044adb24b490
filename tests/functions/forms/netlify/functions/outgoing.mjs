import http from "node:http";

// Sends a request to ?url by ?by and gives back what came.
const send = {
  fetch: async (url) => (await fetch(url)).text(),
  http: (url) => new Promise((resolve, reject) => {
    http.get(url, (response) => resolve(new Response(response).text())).on("error", reject);
  }),
};

export default async (req, { url: { searchParams } }) => new Response(await send[searchParams.get("by")](searchParams.get("url")));

export const config = { path: "/outgoing" };
