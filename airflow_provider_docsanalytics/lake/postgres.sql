-- Functions of the models. Tables are those of docsanalytics schema ENDPOINT --dialect postgres.
CREATE SCHEMA IF NOT EXISTS docsanalytics;

-- A setting of this session: SET docsanalytics.date_from = '2026-01-05';
CREATE OR REPLACE FUNCTION docsanalytics.getvariable(name text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE value text := nullif(current_setting('docsanalytics.' || name, true), '');
BEGIN
  IF value IS NULL THEN
    RAISE EXCEPTION 'docsanalytics.% is not set', name
      USING HINT = format('Run SET docsanalytics.%s = ''2026-01-05''; first.', name);
  END IF;
  RETURN value::timestamptz;
END $$;

CREATE OR REPLACE FUNCTION docsanalytics.base_url() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT coalesce(current_setting('docsanalytics.base_url', true), '') $$;

-- Whether a window belongs to a time: its middle does, and no more of it is outside than time
-- zones explain.
CREATE OR REPLACE FUNCTION docsanalytics.belongs(
  window_from timestamptz, window_to timestamptz, time_from timestamptz, time_to timestamptz
) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT window_from + (window_to - window_from) / 2 >= time_from
    AND window_from + (window_to - window_from) / 2 < time_to
    AND window_from >= time_from - INTERVAL '14 hours'
    AND window_to <= time_to + INTERVAL '14 hours'
$$;

-- Percent-encoded text as it reads; text that does not decode to UTF-8 is left as it is.
CREATE OR REPLACE FUNCTION docsanalytics.decoded(address text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF address !~ '%[0-9A-Fa-f]{2}' THEN
    RETURN address;
  END IF;
  RETURN (
    SELECT convert_from(string_agg(
      CASE WHEN piece[1] ~ '^%[0-9A-Fa-f]{2}$' THEN decode(substr(piece[1], 2), 'hex')
        ELSE convert_to(piece[1], 'UTF8') END,
      ''::bytea ORDER BY place), 'UTF8')
    FROM regexp_matches(address, '%[0-9A-Fa-f]{2}|[^%]+|%', 'g')
      WITH ORDINALITY AS pieces(piece, place)
  );
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN address;
END $$;

-- An address without query and anchor, decoded, and with // in front of its host. Without a scheme,
-- a first step with a dot is a host, unless it is the only step and ends as pages do.
CREATE OR REPLACE FUNCTION docsanalytics.address_of(url text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN plain ~* '^([a-z0-9-]+\.)+[a-z]{2,}(:[0-9]+)?(/|$)'
      AND plain !~* '^[^/]*\.(md|mdx|html?|txt|xml|json)$' THEN '//'
    ELSE ''
  END || docsanalytics.decoded(plain)
  FROM regexp_replace(trim(url), '[?#].*$', '') AS plain
$$;

-- The host in lower case, without user, usual port and www; '' if there is none.
CREATE OR REPLACE FUNCTION docsanalytics.host_of(address text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(
    lower(coalesce(
      substring(address FROM '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/]*@)?([^/]*)'), '')),
    '^www\.|\.?(:80|:443)?$', '', 'g')
$$;

-- The path without .md, index and slash at its end; '' is the home page.
CREATE OR REPLACE FUNCTION docsanalytics.path_of(address text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(
    regexp_replace(
      '/' || regexp_replace(address, '^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*', ''),
      '(/\.?)+/', '/', 'g'),
    '/*(/index)?(\.(md|mdx|html?))?/*$', '', 'i')
$$;

-- The key of a page: one text, however the page is named; null for blank text.
CREATE OR REPLACE FUNCTION docsanalytics.page_key(url text, base_url text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN address IS NULL OR address = '' THEN NULL
    WHEN docsanalytics.host_of(base) <> ''
      AND docsanalytics.host_of(address) NOT IN ('', docsanalytics.host_of(base))
      THEN docsanalytics.host_of(address) || path
    ELSE coalesce(nullif(CASE
      WHEN path = base_path THEN ''
      WHEN starts_with(path, base_path || '/') THEN substr(path, length(base_path) + 1)
      ELSE path
    END, ''), '/')
  END
  FROM docsanalytics.address_of(url) AS address, docsanalytics.address_of(base_url) AS base,
    docsanalytics.path_of(address) AS path, docsanalytics.path_of(base) AS base_path
$$;
