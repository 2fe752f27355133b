// Indexes of views (docs/adr/0017): what is missing of them is added part by part, each a write between two steps. What
// a step does to rows it does to their entries in every index, whether that is whole or not.
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"

namespace headgate::views {

void Runtime::SetIndexes(Form& form) {
  if (!form.definition().failure.empty()) return;
  StoreBatch batch;
  if (!form.SetIndexes(batch)) return;
  form.Save(batch);
  const auto written = parts_.store->Write(batch, true);
  if (!written.ok()) {
    diag::Warn("views", "the indexes of a view are set at the next start",
               {{"view", form.name()}, {"error", written.error().what}});
    return form.Forget();
  }
  form.Committed();
}

headgate::Status Runtime::BuildIndexes() {
  for (const auto& form : forms_) {
    if (!form->running() || !form->HasUnbuiltIndex()) continue;
    idle_ = false;
    StoreBatch batch;
    HG_RETURN_IF_ERROR(form->BuildIndex(batch));
    form->Save(batch);
    HG_FAILPOINT("views.index_chunk");
    HG_RETURN_IF_ERROR(parts_.store->Write(batch, false));
    form->Committed();
    if (!form->HasUnbuiltIndex()) Publish();
    return Ok();
  }
  return Ok();
}

}  // namespace headgate::views
