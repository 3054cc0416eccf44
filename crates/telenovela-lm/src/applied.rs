//! An operation that was applied, and its way back.
//!
//! candle's own walk back through a graph adds every gradient to zeros that it makes first, on one thread: a twentieth of a training step, as a model is a
//! chain where there is nothing to add. So a model keeps its operations and goes back through them itself; in a graph of candle they stand all the same.

use std::sync::Arc;

use candle_core::{CustomOp3, Result, Tensor};

/// An operation with its operands and its result.
pub struct Applied {
    op: Arc<Box<dyn CustomOp3 + Send + Sync>>,
    operands: [Tensor; 3],
    /// What it gave.
    pub result: Tensor,
}

impl Applied {
    /// Applies an operation.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn new(op: impl CustomOp3 + Send + Sync + 'static, operands: [&Tensor; 3]) -> Result<Self> {
        let op: Arc<Box<dyn CustomOp3 + Send + Sync>> = Arc::new(Box::new(op));
        let [a, b, c] = operands;
        let operands = [a.contiguous()?, b.contiguous()?, c.contiguous()?];
        let [a, b, c] = &operands;
        let result = a.apply_op3_arc(b, c, Arc::clone(&op))?;
        Ok(Self {
            op,
            operands,
            result,
        })
    }

    /// The gradients of the operands from that of the result. Once: the operation gives away what it has kept.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn backward(&self, grad: &Tensor) -> Result<[Tensor; 3]> {
        let [a, b, c] = &self.operands;
        let (da, db, dc) = self.op.bwd(a, b, c, &self.result, grad)?;
        let or_zeros = |grad: Option<Tensor>, operand: &Tensor| match grad {
            Some(grad) => Ok(grad),
            None => operand.zeros_like(),
        };
        Ok([or_zeros(da, a)?, or_zeros(db, b)?, or_zeros(dc, c)?])
    }
}

impl std::fmt::Debug for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple(self.op.name()).field(&self.operands).finish()
    }
}
