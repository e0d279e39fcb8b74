-- What a system has accepted and does later: the operations that may still write an entity there.
CREATE TABLE put_off (
    entity    TEXT NOT NULL,
    id        TEXT NOT NULL, -- canonical
    system    TEXT NOT NULL,
    operation TEXT NOT NULL, -- as the system calls it
    PRIMARY KEY (entity, id, system, operation)
) STRICT, WITHOUT ROWID;
