-- Times are milliseconds since 1970, UTC.
CREATE TABLE runs (
  id             TEXT    NOT NULL PRIMARY KEY,
  kind           INTEGER NOT NULL,
  site_id        TEXT    NOT NULL,
  function_name  TEXT    NOT NULL,
  deploy_id      TEXT    NOT NULL,
  unique_key     TEXT,
  state          INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  due_at         INTEGER NOT NULL,
  attempt        INTEGER NOT NULL DEFAULT 0,
  failures       INTEGER NOT NULL DEFAULT 0,
  interruptions  INTEGER NOT NULL DEFAULT 0,
  owner          TEXT,
  started_at     INTEGER,
  ended_at       INTEGER,
  error          TEXT,
  error_message  TEXT
) WITHOUT ROWID;

-- Apart from the runs, whose rows are written anew at every change.
CREATE TABLE requests (
  run_id  TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  head    TEXT NOT NULL,  -- JSON: method, url, headers, clientIp, route
  body    BLOB NOT NULL
);

-- One lease for everything that a host runs.
CREATE TABLE leases (
  owner        TEXT    NOT NULL PRIMARY KEY,
  lease_until  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX runs_unique_key ON runs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX runs_waiting ON runs (site_id, function_name, due_at, id) WHERE state = 0;
CREATE INDEX runs_due ON runs (due_at) WHERE state = 0;
CREATE INDEX runs_running ON runs (owner) WHERE state = 1;
CREATE INDEX runs_ended ON runs (state, ended_at) WHERE state >= 2;
CREATE INDEX runs_by_function ON runs (site_id, function_name, id);

-- How many runs of a function wait, kept by triggers: counting them at every call would cost more the longer the queue is.
CREATE TABLE queues (
  site_id        TEXT    NOT NULL,
  function_name  TEXT    NOT NULL,
  waiting        INTEGER NOT NULL,
  PRIMARY KEY (site_id, function_name)
) WITHOUT ROWID;

CREATE TRIGGER runs_inserted AFTER INSERT ON runs WHEN new.state = 0
BEGIN
  INSERT INTO queues (site_id, function_name, waiting) VALUES (new.site_id, new.function_name, 1)
  ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;

CREATE TRIGGER runs_began_to_wait AFTER UPDATE OF state ON runs WHEN old.state <> 0 AND new.state = 0
BEGIN
  INSERT INTO queues (site_id, function_name, waiting) VALUES (new.site_id, new.function_name, 1)
  ON CONFLICT DO UPDATE SET waiting = waiting + 1;
END;

CREATE TRIGGER runs_ceased_to_wait AFTER UPDATE OF state ON runs WHEN old.state = 0 AND new.state <> 0
BEGIN
  UPDATE queues SET waiting = waiting - 1 WHERE site_id = old.site_id AND function_name = old.function_name;
END;

CREATE TRIGGER runs_deleted AFTER DELETE ON runs WHEN old.state = 0
BEGIN
  UPDATE queues SET waiting = waiting - 1 WHERE site_id = old.site_id AND function_name = old.function_name;
END;

CREATE TABLE attempts (
  run_id      TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt     INTEGER NOT NULL,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  outcome     TEXT,
  message     TEXT,
  PRIMARY KEY (run_id, attempt)
) WITHOUT ROWID;

CREATE TABLE schedules (
  site_id        TEXT    NOT NULL,
  function_name  TEXT    NOT NULL,
  cron           TEXT    NOT NULL,
  next_at        INTEGER NOT NULL,
  last_at        INTEGER,
  last_run       TEXT,
  PRIMARY KEY (site_id, function_name)
) WITHOUT ROWID;
