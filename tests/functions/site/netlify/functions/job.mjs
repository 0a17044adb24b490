// A background function; /job-state/ID would see another worker, so it prints.
export default async (req) => {
  const { id } = await req.json();
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log(`job ${id} ran`);
};

export const config = { path: "/job", method: "POST", background: true };
