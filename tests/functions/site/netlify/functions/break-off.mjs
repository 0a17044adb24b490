// Sends a part and fails, a moment later.
export default async () => {
  let sent = false;
  return new Response(new ReadableStream({
    async pull(controller) {
      if (sent) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        throw new Error("broke off");
      }
      sent = true;
      controller.enqueue(new TextEncoder().encode("the first part"));
    },
  }));
};

export const config = { path: "/break-off" };
