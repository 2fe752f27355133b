#include "tools/bench/nexmark_queries.h"

namespace headgate::nexmark {
namespace {

constexpr Query kQueries[] = {
    {"q0", "pass through", R"(SELECT auction, bidder, price, at, extra FROM bid)", 1'000'000, 155'000},
    {"q1", "price in another currency", R"(SELECT auction, bidder, 0.908 * price AS price, at, extra FROM bid)",
     1'000'000, 158'000},
    {"q2", "bids on some auctions", R"(SELECT auction, price FROM bid WHERE mod(auction, 123) = 0)", 1'000'000,
     175'000},
    {"q3", "sellers of three states in a category",
     R"(SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id WHERE a.category = 10
       AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA'))",
     120'000, 152'000},
    {"q4", "average winning price of a category",
     R"(SELECT q.category, avg(q.final) AS average FROM (SELECT max(b.price) AS final, a.category FROM auction a,
       bid b WHERE a.id = b.auction AND b.at BETWEEN a.at AND a.expires GROUP BY a.id, a.category) q GROUP BY
       q.category)",
     120'000, 34'000},
    {"q9", "winning bid of each auction",
     R"(SELECT id, item_name, description, initial_bid, reserve, at, expires, seller, category, extra, auction,
       bidder, price, bid_at, bid_extra FROM (SELECT a.*, b.auction, b.bidder, b.price, b.at AS bid_at, b.extra AS
       bid_extra, row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.at ASC) AS rownum FROM auction a,
       bid b WHERE a.id = b.auction AND b.at BETWEEN a.at AND a.expires) x WHERE rownum <= 1)",
     120'000, 14'000},
    {"q13", "lookup in a side table",
     R"(SELECT b.auction, b.bidder, b.price, b.at, s.value FROM bid b JOIN side_input FOR SYSTEM_TIME AS OF
       LOG_POSITION() AS s ON s.key = mod(b.auction, 10000))",
     1'000'000, 131'000},
    {"q14", "price, time of day, characters",
     R"(SELECT auction, bidder, 0.908 * price AS price, CASE WHEN extract(hour FROM at) >= 8 AND extract(hour FROM
       at) <= 18 THEN 'dayTime' WHEN extract(hour FROM at) <= 6 OR extract(hour FROM at) >= 20 THEN 'nightTime' ELSE
       'otherTime' END AS bid_time_type, at, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts FROM
       bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000)",
     1'000'000, 161'000},
    {"q15", "totals of a day, distinct counts",
     R"(SELECT to_char(at, 'YYYY-MM-DD') AS day, count(*) AS total_bids, count(*) FILTER (WHERE price < 10000) AS
       rank1_bids, count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids, count(*) FILTER (WHERE
       price >= 1000000) AS rank3_bids, count(DISTINCT bidder) AS total_bidders, count(DISTINCT bidder) FILTER
       (WHERE price < 10000) AS rank1_bidders, count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price <
       1000000) AS rank2_bidders, count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
       count(DISTINCT auction) AS total_auctions, count(DISTINCT auction) FILTER (WHERE price < 10000) AS
       rank1_auctions, count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
       count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions FROM bid GROUP BY to_char(at,
       'YYYY-MM-DD'))",
     500'000, 72'000},
    {"q17", "totals of an auction and day",
     R"(SELECT auction, to_char(at, 'YYYY-MM-DD') AS day, count(*) AS total_bids, count(*) FILTER (WHERE price <
       10000) AS rank1_bids, count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids, count(*)
       FILTER (WHERE price >= 1000000) AS rank3_bids, min(price) AS min_price, max(price) AS max_price, avg(price)
       AS avg_price, sum(price) AS sum_price FROM bid GROUP BY auction, to_char(at, 'YYYY-MM-DD'))",
     500'000, 117'000},
    {"q18", "last bid of bidder and auction",
     R"(SELECT auction, bidder, price, channel, url, at, extra FROM (SELECT *, row_number() OVER (PARTITION BY
       bidder, auction ORDER BY at DESC) AS rank_number FROM bid) x WHERE rank_number <= 1)",
     150'000, 54'000},
    {"q19", "top 10 bids of each auction",
     R"(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, at) AS rank_number
       FROM bid) x WHERE rank_number <= 10)",
     150'000, 44'000},
    {"q20", "bids with their auction",
     R"(SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.at AS bid_at, b.extra AS bid_extra, a.item_name,
       a.description, a.initial_bid, a.reserve, a.at, a.expires, a.seller, a.category, a.extra FROM bid b JOIN
       auction a ON b.auction = a.id WHERE a.category = 10)",
     120'000, 19'000},
    {"q22", "directories of the URL",
     R"(SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1, split_part(url, '/', 5) AS dir2,
       split_part(url, '/', 6) AS dir3 FROM bid)",
     1'000'000, 130'000},
    {"q23", "bids of sellers, three-way join",
     R"(SELECT b.bidder, b.price, b.channel, b.url, b.extra AS bid_extra, p.id, p.name, p.email, p.credit_card,
       p.city, p.state, p.extra AS person_extra, a.item_name, a.description, a.initial_bid, a.reserve, a.at,
       a.expires, a.seller, a.category, a.extra AS auction_extra FROM bid b JOIN person p ON p.id = b.bidder JOIN
       auction a ON a.seller = b.bidder)",
     120'000, 0},
};

}  // namespace

std::span<const Query> Queries() { return kQueries; }

}  // namespace headgate::nexmark
