#include <algorithm>
#include <map>

#include "core/config/spec.h"
#include "core/sql/functions/tables.h"

namespace headgate::sql {
namespace {

using Index = std::map<std::string_view, std::vector<Function>>;

const Index& Functions() {
  static const Index index = [] {
    Index all;
    for (const auto table :
         {ArrayFunctions(),          BytesFunctions(),        ComparisonFunctions(), DegreeFunctions(),
          EncodeFunctions(),         FloatFunctions(),        FormatFunctions(),     IntegerFunctions(),
          JsonChangeFunctions(),     JsonMakeFunctions(),     JsonPathFunctions(),   JsonReadFunctions(),
          JsonSetFunctions(),        LikeFunctions(),         NetworkFunctions(),    NumberFormatFunctions(),
          NumberUnformatFunctions(), NumericFunctions(),      QuoteFunctions(),      RangeFunctions(),
          RegexpFunctions(),         RegexpPlaceFunctions(),  SeriesFunctions(),     SimilarFunctions(),
          TextFunctions(),           TextJoinFunctions(),     TimeFormatFunctions(), TimeFunctions(),
          TimeOperatorFunctions(),   TimeOverlapsFunctions(), TimePartFunctions(),   TimeTruncFunctions(),
          TimeUnformatFunctions()}) {
      for (const Function& function : table) all[function.name].push_back(function);
    }
    return all;
  }();
  return index;
}

}  // namespace

std::span<const Function> FindFunctions(std::string_view name) {
  const auto found = Functions().find(name);
  return found == Functions().end() ? std::span<const Function>{} : std::span<const Function>(found->second);
}

std::span<const std::string_view> OutputColumns(std::string_view function) {
  static constexpr std::string_view kKeyValue[] = {"key", "value"};
  constexpr std::string_view kPairs[] = {"jsonb_each", "jsonb_each_text", "json_each", "json_each_text"};
  constexpr std::string_view kValues[] = {"jsonb_array_elements", "jsonb_array_elements_text", "json_array_elements",
                                          "json_array_elements_text"};
  if (std::ranges::find(kPairs, function) != std::end(kPairs)) return kKeyValue;
  if (std::ranges::find(kValues, function) != std::end(kValues)) return std::span(kKeyValue).subspan(1);
  return {};
}

std::string_view SimilarFunction(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, overloads] : Functions()) names.push_back(known);
  return config::Nearest(name, names);
}

}  // namespace headgate::sql
