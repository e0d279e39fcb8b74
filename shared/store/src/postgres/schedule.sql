-- One row per schedule: JSON, read and written as a whole. The version lets a reader see a change.
CREATE TABLE schedule (
    name            text COLLATE "C" PRIMARY KEY NOT NULL,
    version         bigint           NOT NULL,
    state           text             NOT NULL
);
