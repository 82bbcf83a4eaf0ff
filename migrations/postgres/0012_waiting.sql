-- What waits for an operator is few among many: found without going through everything that is registered.
CREATE INDEX directory_waiting ON directory_entry (listed, ods) WHERE state = 'proposed';
