// One function, a method at a time: GET, POST and DELETE at /notes; any other method is not its own
export default async (req) => {
  switch (req.method) {
    case "GET":
      return Response.json([{ id: 1, text: "Buy milk" }]);
    case "POST":
      return Response.json(await req.json(), { status: 201 });
    default:
      return new Response(null, { status: 204 });
  }
};

export const config = {
  path: "/notes",
  method: ["GET", "POST", "DELETE"],
};
