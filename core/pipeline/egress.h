#pragma once

#include "core/net/guard.h"
#include "core/pipeline/sink.h"

namespace headgate {

// What outgoing requests of a sink are checked against (webhooks.md W10); kConfig if what the service lends is
// malformed.
Result<net::GuardPolicy> GuardOf(const SinkServices& services);

}  // namespace headgate
