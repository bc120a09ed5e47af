-- scope: placement
-- Products are found by their words too, and chosen by what they cost.

-- What a price like "$12.99", "12,99 €" or "1.299 EUR" amounts to; null where no number can be read.
create function product_amount(price text) returns numeric
    language sql immutable parallel safe
    return (
        select case when plain ~ '^[0-9]{1,12}(\.[0-9]+)?$' then plain::numeric end
        from (select substring(price from '[0-9][0-9.,]*') as written) found,
            lateral (select case
                when written ~ ',[0-9]{1,2}$' then replace(replace(written, '.', ''), ',', '.')
                when written ~ '^[0-9]{1,3}(\.[0-9]{3})+$' then replace(written, '.', '')
                else replace(rtrim(written, '.,'), ',', '')
            end as plain) read
    );

create function product_words(title text, authors text[], genres text[], description text) returns tsvector
    language sql immutable parallel safe
    return setweight(to_tsvector('pg_catalog.english', title), 'A')
        || setweight(to_tsvector('pg_catalog.english', array_to_string(authors, ' ') || ' ' || array_to_string(genres, ' ')), 'B')
        || setweight(to_tsvector('pg_catalog.english', description), 'C');

alter table products
    add column amount numeric generated always as (product_amount(price)) stored,
    add column words tsvector generated always as (product_words(title, authors, genres, description)) stored;
