// Work that goes on after the reply: /audited
import { setTimeout as pause } from "node:timers/promises";

async function writeAuditRecord(id) {
  await pause(300);
  console.log(`audit record of ${id} written`);
}

export default async (req, context) => {
  context.waitUntil(writeAuditRecord(context.requestId));
  return new Response(context.requestId);
};

export const config = { path: "/audited" };
