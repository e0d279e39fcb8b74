-- How far a source's own message ids were heard.
CREATE TABLE heard (
    source          text COLLATE "C" PRIMARY KEY NOT NULL,
    message_id      bigint           NOT NULL
);

-- What pushes say should be read; key '' is all there is.
CREATE TABLE wake (
    source          text COLLATE "C" NOT NULL,
    endpoint        text COLLATE "C" NOT NULL,
    scope           text COLLATE "C" NOT NULL, -- '' is the configured one
    key             text COLLATE "C" NOT NULL,
    at              bigint           NOT NULL, -- when it came first
    times           bigint           NOT NULL,
    PRIMARY KEY (source, endpoint, scope, key)
);
CREATE INDEX wake_time ON wake (source, endpoint, at);
