// Tries to get out of its sandbox in every way that needs no system call of its own.
import { execFileSync, spawnSync } from "node:child_process";
import { createConnection } from "node:net";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { networkInterfaces, userInfo } from "node:os";

const attempt = (action) => {
  try {
    return { ok: action() };
  } catch (error) {
    return { error: error.code ?? error.message };
  }
};

const dial = (options) => new Promise((resolve) => {
  const socket = createConnection(options, () => {
    socket.destroy();
    resolve("connected");
  });
  socket.on("error", (error) => resolve(error.code));
});

// At the egress door's ports every address takes a connection, so what counts is an answer.
const ask = (options) => new Promise((resolve) => {
  const socket = createConnection(options, () => socket.write("GET / HTTP/1.0\r\n\r\n"));
  socket.on("data", () => resolve("answered")).on("error", (error) => resolve(error.code)).on("close", () => resolve("closed"));
});

export default async (req) => {
  const query = new URL(req.url).searchParams;
  const host = query.get("file");
  const port = Number(query.get("port"));
  return Response.json({
    files: {
      etcShadow: attempt(() => readFileSync("/etc/shadow", "utf8").length),
      hostFile: attempt(() => readFileSync(host, "utf8").length),
      root: attempt(() => readdirSync("/").sort()),
      home: attempt(() => readdirSync("/root")),
      writeRoot: attempt(() => writeFileSync("/x", "x")),
      writeFunction: attempt(() => writeFileSync("/function/x", "x")),
      writeRunner: attempt(() => writeFileSync("/runner/runner.cjs", "x")),
      writeTmp: attempt(() => { writeFileSync("/tmp/x", "x"); return true; }),
      mounts: attempt(() => readFileSync("/proc/self/mountinfo", "utf8")),
      sys: attempt(() => readdirSync("/sys")),
      kallsyms: attempt(() => readFileSync("/proc/kallsyms", "utf8").length),
      corePattern: attempt(() => writeFileSync("/proc/sys/kernel/core_pattern", "x")),
    },
    processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number),
    commandLines: readdirSync("/proc").filter((name) => /^\d+$/.test(name))
      .map((id) => attempt(() => readFileSync(`/proc/${id}/cmdline`, "utf8")).ok ?? ""),
    killHost: attempt(() => process.kill(Number(query.get("pid")), 9)),
    user: userInfo().uid,
    uid: process.getuid(),
    environment: process.env,
    initialEnvironment: attempt(() => readFileSync("/proc/self/environ", "utf8")),
    network: {
      interfaces: Object.keys(networkInterfaces()),
      hostLoopback: await dial({ host: "127.0.0.1", port }),
      metadata: await ask({ host: "169.254.169.254", port: 80 }),
      secondLink: query.has("link") ? await dial({ path: "/run/host/worker.sock" }) : "not tried",
      viaProxy: await fetch(`http://127.1.0.1:${port}/`).then((r) => r.status, (e) => e.cause?.code ?? e.message),
    },
    setuid: attempt(() => process.setuid(0)),
    programs: attempt(() => readdirSync("/usr/bin")),
    shell: attempt(() => execFileSync("/bin/sh", ["-c", "id"]).toString()),
    unshare: attempt(() => spawnSync("unshare", ["-U", "id"]).error?.code ?? "ran"),
    descriptors: attempt(() => readdirSync("/proc/self/fd").map((fd) => attempt(() => readFileSync(`/proc/self/fdinfo/${fd}`, "utf8") && fd).ok)),
  });
};

export const config = { path: "/reach" };
