#pragma once

#include <cstdint>
#include <string>
#include <variant>

// The events of an auction site, after the Nexmark suite (stream-SQL reference, 15.1): of 50 events one is a person,
// three are auctions and 46 are bids, skewed to a few hot auctions, bidders and sellers.
namespace headgate::nexmark {

// Times are microseconds since 2000-01-01. No two events have the same.
struct Person {
  std::int64_t id;
  std::string name, email, credit_card, city, state;
  std::int64_t at;
  std::string extra;
};
struct Auction {
  std::int64_t id;
  std::string item_name, description;
  std::int64_t initial_bid, reserve, at, expires, seller, category;
  std::string extra;
};
struct Bid {
  std::int64_t auction, bidder, price;
  std::string channel, url;
  std::int64_t at;
  std::string extra;
};
using Event = std::variant<Person, Auction, Bid>;

// The event of this number, from 0: the same in every run, whatever was asked for before. On average a person has 200
// bytes, an auction 500, a bid 100 beside channel and url. Bids and auctions may come before the auctions and persons
// that they name.
Event EventAt(std::int64_t number);

}  // namespace headgate::nexmark
