-- How bad an incident is; 0 is the worst, 255 where nothing says. Open ones are listed by it, so that a flood hides none.
ALTER TABLE incident ADD COLUMN rank BIGINT NOT NULL DEFAULT 255 CHECK (rank BETWEEN 0 AND 255);

-- As the level says, else as the name of the severity is meant: as the portal reads it (`Incident::rank`).
UPDATE incident SET rank = coalesce(
    substring(terms from '"level":\{[^}]*"rank":([0-9]{1,3})')::bigint,
    CASE
        WHEN lower(trim(severity)) IN (
            'p0', 's0', '0',
            'sev0', 'sev-0', 'sev 0',
            'severity0', 'severity-0', 'severity 0',
            'prio0', 'prio-0', 'prio 0',
            'priority0', 'priority-0', 'priority 0',
            'level0', 'level-0', 'level 0'
        ) THEN 0
        WHEN lower(trim(severity)) IN (
            'p1', 's1', '1',
            'sev1', 'sev-1', 'sev 1',
            'severity1', 'severity-1', 'severity 1',
            'prio1', 'prio-1', 'prio 1',
            'priority1', 'priority-1', 'priority 1',
            'level1', 'level-1', 'level 1',
            'critical', 'page', 'emergency', 'fatal', 'disaster', 'urgent'
        ) THEN 1
        WHEN lower(trim(severity)) IN (
            'p2', 's2', '2',
            'sev2', 'sev-2', 'sev 2',
            'severity2', 'severity-2', 'severity 2',
            'prio2', 'prio-2', 'prio 2',
            'priority2', 'priority-2', 'priority 2',
            'level2', 'level-2', 'level 2',
            'high', 'error', 'major'
        ) THEN 2
        WHEN lower(trim(severity)) IN (
            'p3', 's3', '3',
            'sev3', 'sev-3', 'sev 3',
            'severity3', 'severity-3', 'severity 3',
            'prio3', 'prio-3', 'prio 3',
            'priority3', 'priority-3', 'priority 3',
            'level3', 'level-3', 'level 3',
            'medium', 'warning', 'warn', 'moderate', 'average', 'minor'
        ) THEN 3
        WHEN lower(trim(severity)) IN (
            'p4', 's4', '4',
            'sev4', 'sev-4', 'sev 4',
            'severity4', 'severity-4', 'severity 4',
            'prio4', 'prio-4', 'prio 4',
            'priority4', 'priority-4', 'priority 4',
            'level4', 'level-4', 'level 4',
            'low', 'info', 'informational', 'information', 'notice', 'trivial'
        ) THEN 4
        WHEN lower(trim(severity)) IN (
            'p5', 's5', '5',
            'sev5', 'sev-5', 'sev 5',
            'severity5', 'severity-5', 'severity 5',
            'prio5', 'prio-5', 'prio 5',
            'priority5', 'priority-5', 'priority 5',
            'level5', 'level-5', 'level 5'
        ) THEN 5
    END,
    255
);

CREATE INDEX incident_worst ON incident (rank, number) WHERE resolved_at IS NULL;
