-- Quick ways to what the people who run it look at: newest check-ins and scores, cases by their end.

CREATE INDEX checkins_by_due ON checkins (due_at) WHERE first_sent_at IS NOT NULL;
CREATE INDEX scores_by_time ON scores (at);
CREATE INDEX cases_by_end ON cases (closed_at) WHERE closed_at IS NOT NULL;
