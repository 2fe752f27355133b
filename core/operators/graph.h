#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/operators/operator.h"
#include "core/sql/plan.h"

namespace headgate::operators {

// The operators of one plan. One thread. A step is: Push for every piece of every relation, then Finish.
class Graph {
 public:
  // `sink` gets the pieces of the result.
  Graph(const sql::Plan& plan, Emit sink);
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // The relations that the plan reads, each once.
  const std::vector<const sql::Relation*>& relations() const { return relations_; }
  void Push(const sql::Relation& relation, const Delta& delta, StepContext& step);
  void Finish(StepContext& step);

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
  void Deliver(const Edge& edge, const Delta& delta, StepContext& step);

  std::vector<std::unique_ptr<Node>> nodes_;  // inputs before consumers
  std::vector<Scan> scans_;
  std::vector<const sql::Relation*> relations_;
  Emit sink_;
};

}  // namespace headgate::operators
