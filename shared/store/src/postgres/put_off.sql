-- What a system has accepted and does later: the operations that may still write an entity there.
CREATE TABLE put_off (
    entity    text COLLATE "C" NOT NULL,
    id        text COLLATE "C" NOT NULL, -- canonical
    system    text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL, -- as the system calls it
    PRIMARY KEY (entity, id, system, operation)
);
