#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/native.h"
#include "core/net/guard.h"
#include "core/pipeline/batch_sink.h"
#include "sinks/table/batch.h"
#include "sinks/table/options.h"
#include "sinks/table/planner.h"
#include "sinks/table/salvage.h"
#include "sinks/table/target.h"

namespace headgate::table {

// Folds changes to writes of rows, and makes and changes the tables that they go to.
class TableBatcher final : public Batcher {
 public:
  // Of options that were read without errors; Open is not called on others.
  TableBatcher(Options options, const SinkServices& services);
  ~TableBatcher() override;

  Result<TargetPlace> Open(SinkContext& context, BatchSink& sink) override;
  void Close() override;
  std::unique_ptr<SinkBatch> NewBatch(const SinkBatch*) const override {
    return std::make_unique<Batch>(target_->dialect());
  }
  Result<Took> Take(const Event& event) override;
  std::vector<LetterLane> LanesOf(const Event& event) const override;
  Result<bool> WriteLetter(const DeadLetter& letter, const TargetPlace& kept) override;
  std::string place() const override { return options_.Place(); }
  void Describe(const SinkBatch& batch, TracedDelivery& traced) const override;
  Status Write(const std::shared_ptr<const SinkBatch>& batch, const std::optional<TargetPlace>& commit,
               const Ask& ask) override;
  void Interrupt() override { target_->Interrupt(); }

 private:
  Batch& filling() const { return static_cast<Batch&>(sink_->filling()); }
  Result<std::shared_ptr<const TablePlan>> PlanOf(const Event& event);
  Result<TargetTable> Prepare(const Wanted& wanted);
  Status ChangeSchema(const std::string& sql);
  Result<bool> IsBehindLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan);
  Result<Took> ToLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan);
  Result<bool> TryLetter(const DeadLetter& letter);

  const Options options_;
  const std::string log_id_;
  const Result<net::GuardPolicy> guard_;
  SinkContext* context_ = nullptr;
  BatchSink* sink_ = nullptr;
  std::unique_ptr<Target> target_;
  std::unique_ptr<Salvage> salvage_;                                                      // of the writer's thread
  std::map<std::pair<StreamNo, std::uint32_t>, std::shared_ptr<const TablePlan>> plans_;  // by stream and version
  mutable codec::NativeEncoder native_;
};

}  // namespace headgate::table
