#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/operators/operator.h"
#include "core/operators/state_space.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// The operators of one plan. One thread. A step is: Push for every piece of every relation, then Finish.
//
// With a place, what the operators remember is stored there, each node's under the prefix and its number in the plan
// (pre-order, two bytes, big-endian): the same plan finds it again. After Finish the owner saves the space, or forgets
// what the step did. A step whose reads failed (StateSpace::failure) has no output that counts.
class Graph {
 public:
  // `sink` gets the pieces of the result. The spaces of the places outlive the steps. With a place for rows the plan's
  // last grouping stores its groups there (LastGrouping::IsResult).
  Graph(const sql::Plan& plan, Emit sink, StatePlace place = {}, StatePlace rows = {});
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // The relations that the plan reads, each once.
  const std::vector<const sql::Relation*>& relations() const { return relations_; }
  void Push(const sql::Relation& relation, const Delta& delta, StepContext& step);
  void Finish(StepContext& step);
  // The first log time at which a step has something to do, also without input.
  std::optional<std::int64_t> Due() const;

 private:
  struct Node;
  struct Edge {
    Node* node = nullptr;
    std::size_t input = 0;
  };
  struct Node {
    OperatorPtr op;
    Edge consumer;  // null: the sink
  };
  struct Scan {
    const sql::Relation* relation = nullptr;
    Edge consumer;
  };

  void Add(const sql::Plan& plan, Edge consumer);
  bool Failed() const;
  void Deliver(const Edge& edge, const Delta& delta, StepContext& step);

  std::vector<std::unique_ptr<Node>> nodes_;  // inputs before consumers
  std::vector<Scan> scans_;
  std::vector<const sql::Relation*> relations_;
  Emit sink_;
  StatePlace place_;
  StatePlace rows_;
  bool null_on_error_;
  const sql::Plan* with_rows_;  // the node that stores its state there
  std::uint16_t numbered_ = 0;  // nodes of the plan that have their number
};

}  // namespace headgate::operators
