-- Functions of the views and the models.

-- A whole number from its text: 12 and 12.0 are 12; 12.5, "12" and true are null.
CREATE MACRO whole_number(value) AS
  CASE
    WHEN regexp_full_match(value, '-?[0-9]+') THEN TRY_CAST(value AS BIGINT)
    WHEN TRY_CAST(value AS DOUBLE) = trunc(TRY_CAST(value AS DOUBLE))
      THEN TRY_CAST(TRY_CAST(value AS DOUBLE) AS BIGINT)
  END;

-- A number from its text; one that is too large for a double is null.
CREATE MACRO finite_number(value) AS
  CASE WHEN regexp_matches(value, '^-?[0-9]') AND isfinite(TRY_CAST(value AS DOUBLE))
    THEN TRY_CAST(value AS DOUBLE) END;

-- An instant from ISO 8601 text; without a zone it is null, because the zone would be a guess.
CREATE MACRO instant(value) AS
  CASE WHEN regexp_matches(value, '(Z|[+-][0-9]{2}:?[0-9]{2})$') THEN TRY_CAST(value AS TIMESTAMPTZ) END;

-- An address without query and anchor, decoded, and with // in front of its host. Without a scheme,
-- a first step with a dot is a host, unless it is the only step and ends as pages do.
CREATE MACRO without_query(url) AS regexp_replace(trim(url), '[?#].*$', '', 's');
CREATE MACRO decoded(text) AS coalesce(TRY(url_decode(text)), text);
CREATE MACRO has_bare_host(address) AS
  regexp_matches(address, '^([a-z0-9-]+\.)+[a-z]{2,}(:[0-9]+)?(/|$)', 'i')
  AND NOT regexp_matches(address, '^[^/]*\.(md|mdx|html?|txt|xml|json)$', 'i');
CREATE MACRO address_of(url) AS
  CASE WHEN has_bare_host(without_query(url)) THEN '//' ELSE '' END || decoded(without_query(url));

-- The host in lower case, without user, usual port and www; '' if there is none.
CREATE MACRO host_of(address) AS
  regexp_replace(
    lower(regexp_extract(address, '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/]*@)?([^/]*)', 1)),
    '^www\.|\.?(:80|:443)?$', '', 'g');

-- The path without .md, index and slash at its end; '' is the home page.
CREATE MACRO path_of(address) AS
  regexp_replace(
    regexp_replace(
      '/' || regexp_replace(address, '^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*', ''),
      '(/\.?)+/', '/', 'g'),
    '/*(/index)?(\.(md|mdx|html?))?/*$', '', 'i');
CREATE MACRO path_below(path, base) AS
  regexp_replace(path, '^' || regexp_escape(base) || '(/|$)', '\1');

-- The key of a page: one text, however the page is named: as a path or as a URL, with or without
-- host, base path, slash at its end, .md, index, query, anchor and percent-encoding.
--   page_key('https://Docs.example.com/docs/guide/index.md?a=1#b', 'https://docs.example.com/docs')
--   is '/guide'.
-- base_url is where the site is; without it, every host counts as the site. With it, a page of
-- another host keeps its host: 'other.example/guide'. Blank text names no page: null.
CREATE MACRO page_key(url, base_url) AS
  list_transform([address_of(url)], lambda address:  -- a name, so that it is worked out once
    CASE
      WHEN address IS NULL OR address = '' THEN NULL
      WHEN host_of(address_of(base_url)) <> ''
        AND host_of(address) NOT IN ('', host_of(address_of(base_url)))
        THEN host_of(address) || path_of(address)
      ELSE coalesce(nullif(path_below(path_of(address), path_of(address_of(base_url))), ''), '/')
    END
  )[1];

-- Whether a window belongs to a time: its middle does, and no more of it is outside than time
-- zones explain. So each window belongs to one week or none, whatever zone its days have.
CREATE MACRO belongs(window_from, window_to, time_from, time_to) AS
  window_from + (window_to - window_from) / 2 >= time_from
  AND window_from + (window_to - window_from) / 2 < time_to
  AND window_from >= time_from - INTERVAL 14 HOURS
  AND window_to <= time_to + INTERVAL 14 HOURS;
