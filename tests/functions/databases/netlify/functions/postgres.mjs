// The npm package pg, unmodified: a table, rows, and a value that is larger than any buffer on the way.
import pg from "pg";

export default async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    await client.query("create temporary table visits (name text, at int)");
    await client.query("insert into visits select 'v' || n, n from generate_series(1, $1::int) n", [1000]);
    const { rows } = await client.query("select count(*)::int as count, max(at) as last from visits");
    const large = await client.query("select repeat('x', 4000000) as text");
    return Response.json({ ...rows[0], large: large.rows[0].text.length, address: client.connection.stream.remoteAddress });
  } finally {
    await client.end();
  }
};

export const config = { path: "/postgres" };
