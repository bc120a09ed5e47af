-- scope: placement
-- Tools that change something: an effect is asked for once, found again by its key, and parked when nobody can tell.

-- `unsent`: the receiver could not be connected to, so nothing was asked of it.
alter table effects drop constraint effects_state_check;
alter table effects add constraint effects_state_check
    check (state in ('intent', 'result', 'unknown', 'unsent'));
create index effects_of_key on effects (key);

alter table handoffs drop constraint handoffs_reason_check;
alter table handoffs add constraint handoffs_reason_check
    check (reason in ('requested', 'offer_accepted', 'complaint', 'order_proof', 'effect_unknown', 'other'));
