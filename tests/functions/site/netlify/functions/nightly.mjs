export default async (req) => {
  console.log(`tick ${req.method} ${req.headers.get("x-nf-event")} ${JSON.stringify(await req.json())}`);
};

export const config = { schedule: "@daily" };
