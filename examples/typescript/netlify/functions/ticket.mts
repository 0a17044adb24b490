// TypeScript and an npm package: /tickets/concert
import type { Config, Context } from "@netlify/functions";
import { customAlphabet } from "nanoid";
import { label } from "../../lib/label.ts";

interface Ticket {
  id: string;
  event: string;
  label: string;
}

const newId = customAlphabet("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 8);

export default async (_req: Request, context: Context): Promise<Response> => {
  const event = context.params.event ?? "anything";
  const ticket: Ticket = { id: newId(), event, label: label(event) };
  return Response.json(ticket, { status: 201 });
};

export const config: Config = {
  path: "/tickets/:event",
};
