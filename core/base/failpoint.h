#pragma once

#include <string_view>

// Named places where tests make the process die or an operation fail. Compiled to nothing outside test builds.
//
// HEADGATE_FAILPOINTS in the environment: a comma list of name=action, where action is
//   kill        raise SIGKILL at the first hit
//   kill:N      at the N-th hit
//   error       FailpointHit returns true (the caller turns that into its own kind of failure)
//   error:N     true at the N-th hit only
// The names are those of the kill points in docs/reference/failpoints.md.
namespace headgate {

#if HEADGATE_FAILPOINTS
// True if the caller should fail here; does not return where the action is to die.
bool FailpointHit(std::string_view name);
#else
constexpr bool FailpointHit(std::string_view) { return false; }
#endif

}  // namespace headgate

#define HG_FAILPOINT(name) (static_cast<void>(::headgate::FailpointHit(name)))
