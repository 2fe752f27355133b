#pragma once

namespace headgate::bench {

// Changes of six columns as JSON, in both renderings, on one core: without log and sink.
void Render();

}  // namespace headgate::bench
