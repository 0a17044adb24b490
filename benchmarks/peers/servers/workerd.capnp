using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  # The address is given on the command line.
  sockets = [(name = "http", http = (), service = "main")]
);

const worker :Workerd.Worker = (
  modules = [
    (name = "main.mjs", esModule = embed "workerd.mjs"),
    (name = "servers/routes.mjs", esModule = embed "routes.mjs"),
    (name = "handlers/first.mjs", esModule = embed "../handlers/first.mjs"),
    (name = "handlers/hello.mjs", esModule = embed "../handlers/hello.mjs"),
    (name = "handlers/stream.mjs", esModule = embed "../handlers/stream.mjs"),
    (name = "handlers/upload.mjs", esModule = embed "../handlers/upload.mjs")
  ],
  compatibilityDate = "2026-11-01"
);
