// Sends a part and fails.
export default async () => {
  let sent = false;
  return new Response(new ReadableStream({
    pull(controller) {
      if (sent) throw new Error("broke off");
      sent = true;
      controller.enqueue(new TextEncoder().encode("the first part"));
    },
  }));
};

export const config = { path: "/break-off" };
