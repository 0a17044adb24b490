-- Times are milliseconds since 1970, UTC.
CREATE TABLE sites (
  id                TEXT    NOT NULL PRIMARY KEY,
  name              TEXT    NOT NULL UNIQUE,
  domains           TEXT    NOT NULL,  -- JSON: a list of texts
  created_at        INTEGER NOT NULL,
  published_deploy  TEXT,
  is_locked         INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE deploys (
  id                 TEXT    NOT NULL PRIMARY KEY,
  site_id            TEXT    NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
  state              INTEGER NOT NULL,
  context            TEXT    NOT NULL,
  branch             TEXT    NOT NULL,
  alias              TEXT,
  title              TEXT    NOT NULL,
  is_for_production  INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  ended_at           INTEGER,
  published_at       INTEGER,
  error_message      TEXT
) WITHOUT ROWID;

CREATE INDEX deploys_by_site ON deploys (site_id, created_at);

-- An alias leads to one deploy.
CREATE UNIQUE INDEX deploys_alias ON deploys (site_id, alias) WHERE alias IS NOT NULL AND state = 1;
