"""Keras over TensorFlow on one workload: `keras_peer.py T1 --text FILE`, `keras_peer.py G1-256`."""

import itertools
import os

import workloads as w

arguments = w.arguments(["f32"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402 (the number of threads is set before anything runs)
import keras  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)


def network(n_layer, n_hidden, batch, length):
    """The workload's network, its state kept in the layers."""
    tokens = keras.Input(batch_shape=(batch, length), dtype="int32")
    x = keras.layers.Embedding(w.N_VOCAB, w.N_EMBD)(tokens)
    for _ in range(n_layer):
        x = keras.layers.LSTM(n_hidden, return_sequences=True, stateful=True)(x)
    return keras.Model(tokens, keras.layers.Dense(w.N_VOCAB)(x))


def train(args):
    n_layer, n_hidden, batch, length = w.TRAIN[args.workload]
    model = network(n_layer, n_hidden, batch, length)
    model.compile(
        optimizer=keras.optimizers.Adam(w.LEARNING_RATE, global_clipnorm=w.CLIP),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    text = np.array(w.lanes(w.tokens_of(args.text), batch), np.int32)  # (batch, stretch)
    windows, loss = w.windows(text.shape[1], length), None

    # Ten windows per call: what `fit` does once per call is not what is measured.
    def step():
        nonlocal loss
        starts = [at for _, at in itertools.islice(windows, 10)]
        inputs = np.concatenate([text[:, at : at + length] for at in starts])
        targets = np.concatenate([text[:, at + 1 : at + 1 + length] for at in starts])
        history = model.fit(inputs, targets, batch_size=batch, verbose=0, shuffle=False)
        loss = history.history["loss"][-1]
        return 10 * batch * length

    measured = w.rates(args.seconds, step)
    w.answer(args.workload, measured, loss=loss)


def speak(args):
    n_hidden, lanes, _ = w.SPEAK[args.workload]
    model = network(2, n_hidden, lanes, 1)

    @tf.function
    def one(token):
        logits = model(token, training=False)[:, 0, :] / w.TEMPERATURE
        return tf.random.categorical(logits, 1, dtype=tf.int32)

    def draw():
        token = tf.zeros((lanes, 1), tf.int32)
        for _ in range(w.CHARS // lanes):
            token = one(token)
            token.numpy()
        return w.CHARS // lanes * lanes

    w.answer(args.workload, w.rates(args.seconds, draw))


(train if arguments.workload in w.TRAIN else speak)(arguments)
